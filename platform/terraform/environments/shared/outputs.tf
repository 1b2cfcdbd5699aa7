output "registry" {
  description = "The registry, for the variable registry of each environment."
  value = {
    id           = module.registry.id
    login_server = module.registry.login_server
  }
}

output "signing_key" {
  description = "The key, for the pipeline's variable SIGNING_KEY."
  value       = module.keyvault.signing_key
}

output "public_key" {
  description = "Its public half, for signatures.keys of promotion.yaml."
  value       = module.keyvault.public_key
}

output "release_identity" {
  description = "Identity of the pipeline that publishes, for environments/devops."
  value = {
    client_id = azurerm_user_assigned_identity.release.client_id
    tenant_id = data.azurerm_client_config.current.tenant_id
  }
}
