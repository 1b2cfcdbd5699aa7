output "id" {
  description = "The cluster."
  value       = azurerm_kubernetes_cluster.this.id
}

output "name" {
  description = "Name of the cluster, as `make aks-login` has it."
  value       = azurerm_kubernetes_cluster.this.name
}

output "oidc_issuer_url" {
  description = "Issuer of the tokens of ServiceAccounts."
  value       = azurerm_kubernetes_cluster.this.oidc_issuer_url
}

output "api_server" {
  description = "Where the API server answers, and the certificate authority that it is checked by, in base64. Neither is a secret, and what would be one is not in it: the cluster has no local accounts."
  value = {
    host           = nonsensitive(azurerm_kubernetes_cluster.this.kube_config[0].host)
    ca_certificate = nonsensitive(azurerm_kubernetes_cluster.this.kube_config[0].cluster_ca_certificate)
  }
}
