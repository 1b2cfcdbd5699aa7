# The Secret by which Argo CD knows this cluster. Its annotations are what differs between
# organisations: platform/argocd/bootstrap/environments.yaml writes them into the
# applications.
output "cluster_secret" {
  description = "The Secret, which modules/argocd puts into the cluster. There is no credential in it: Argo CD runs in the cluster."
  value = yamlencode({
    apiVersion = "v1"
    kind       = "Secret"
    metadata = {
      name      = "in-cluster"
      namespace = "argocd"
      labels = {
        "argocd.argoproj.io/secret-type" = "cluster"
        "ballast.dev/environment"        = var.environment
        "ballast.dev/bootstrap"          = "true"
      }
      annotations = {
        "ballast.dev/repository" = var.gitops.repository
        "ballast.dev/revision"   = var.gitops.revision
        "ballast.dev/registry"   = var.registry.login_server
        "ballast.dev/prometheus" = module.observability.prometheus_url
      }
    }
    type = "Opaque"
    stringData = {
      name   = "in-cluster"
      server = "https://kubernetes.default.svc"
      config = jsonencode({ tlsClientConfig = { insecure = false } })
    }
  })
}

output "api_server" {
  description = "Host of the API server and its certificate authority, by which modules/argocd reaches it."
  value       = module.cluster.api_server
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "resource_group_name" {
  description = "Resource group of the environment."
  value       = azurerm_resource_group.this.name
}

output "prometheus_url" {
  description = "URL of the managed Prometheus."
  value       = module.observability.prometheus_url
}

output "grafana_url" {
  description = "Grafana, for `make dashboards-push GRAFANA_URL=…`."
  value       = module.observability.grafana_url
}

output "client_ids" {
  description = "Client ids of the ServiceAccounts with rights in Azure."
  value       = module.identities.client_ids
}

output "pipeline_identity" {
  description = "Client id of the pipeline's identity, for environments/devops."
  value       = azurerm_user_assigned_identity.pipeline.client_id
}
