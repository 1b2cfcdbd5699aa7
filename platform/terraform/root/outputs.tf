output "cluster_secret" {
  description = "The Secret by which Argo CD knows this cluster; the root of Argo CD reads it."
  value       = module.environment.cluster_secret
}

output "api_server" {
  description = "Host of the API server and its certificate authority; the root of Argo CD reads them."
  value       = module.environment.api_server
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.environment.cluster_name
}

output "resource_group_name" {
  description = "Resource group of the environment."
  value       = module.environment.resource_group_name
}

output "prometheus_url" {
  description = "URL of the managed Prometheus, for --prometheus-url of `ballast run`."
  value       = module.environment.prometheus_url
}

output "grafana_url" {
  description = "Grafana, for `make dashboards-push GRAFANA_URL=…`."
  value       = module.environment.grafana_url
}

output "client_ids" {
  description = "Client ids of the ServiceAccounts with rights in Azure."
  value       = module.environment.client_ids
}

output "pipeline_identity" {
  description = "Client id of the pipeline's identity, for environments/devops."
  value       = module.environment.pipeline_identity
}
