output "signing_key" {
  description = "The key as `make release-sign KEY=…` takes it. It names no version, so that rotating needs no change."
  value       = "azurekms://${azurerm_key_vault.this.name}.vault.azure.net/${azurerm_key_vault_key.release.name}"
}

output "public_key" {
  description = "The public half in PEM, for platform/argocd/environments/keys and signatures.keys of promotion.yaml."
  value       = azurerm_key_vault_key.release.public_key_pem
}
