output "log_analytics_workspace_id" {
  description = "Workspace of logs."
  value       = azurerm_log_analytics_workspace.this.id
}

output "monitor_workspace_id" {
  description = "Workspace of metrics."
  value       = azurerm_monitor_workspace.this.id
}

output "prometheus_url" {
  description = "URL of the managed Prometheus, for --prometheus-url of `ballast run`."
  value       = azurerm_monitor_workspace.this.query_endpoint
}

output "data_collection_rule_ids" {
  description = "What the cluster collects."
  value = {
    prometheus = azurerm_monitor_data_collection_rule.prometheus.id
    logs       = azurerm_monitor_data_collection_rule.logs.id
  }
}

output "grafana_url" {
  description = "Grafana, for `make dashboards-push GRAFANA_URL=…`."
  value       = azurerm_dashboard_grafana.this.endpoint
}

output "action_group_ids" {
  description = "Action groups, by receiver."
  value       = { for name, group in azurerm_monitor_action_group.this : name => group.id }
}
