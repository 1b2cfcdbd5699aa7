# What environments promise of logs, for their tests.
output "properties" {
  description = "What is asserted of a plan."
  value = {
    daily_quota_gb    = azurerm_log_analytics_workspace.this.daily_quota_gb
    retention_in_days = azurerm_log_analytics_workspace.this.retention_in_days
  }
}
