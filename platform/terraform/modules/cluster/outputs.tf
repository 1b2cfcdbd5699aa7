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
