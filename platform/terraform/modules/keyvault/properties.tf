# What is promised of the vault and its key, for their test.
output "properties" {
  description = "What is asserted of a plan."
  value = {
    rbac             = azurerm_key_vault.this.rbac_authorization_enabled
    purge_protection = azurerm_key_vault.this.purge_protection_enabled
    curve            = azurerm_key_vault_key.release.curve
    operations       = join(",", sort(azurerm_key_vault_key.release.key_opts))
    signer_role      = azurerm_role_assignment.signer.role_definition_name
  }
}
