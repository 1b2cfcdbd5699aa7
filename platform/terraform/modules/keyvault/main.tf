# The key that signs images. It never leaves the vault: the pipeline sends digests and gets
# signatures.
resource "azurerm_key_vault" "this" {
  name                       = var.name
  resource_group_name        = var.resource_group_name
  location                   = var.location
  tenant_id                  = var.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  # A key that is deleted cannot be restored after a purge, and nothing can be signed with it.
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
  tags                       = var.tags

  network_acls {
    bypass         = "AzureServices"
    default_action = length(var.allowed_ip_ranges) > 0 ? "Deny" : "Allow"
    ip_rules       = var.allowed_ip_ranges
  }

  # It has the only key that clusters trust images by.
  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_key_vault_key" "release" {
  name         = "release"
  key_vault_id = azurerm_key_vault.this.id
  key_type     = "EC"
  curve        = "P-256"
  key_opts     = ["sign", "verify"]
  tags         = var.tags

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [azurerm_role_assignment.administrators]
}

# May sign and see the public half, and nothing else.
resource "azurerm_role_assignment" "signer" {
  scope                            = azurerm_key_vault_key.release.resource_versionless_id
  role_definition_name             = "Key Vault Crypto User"
  principal_id                     = var.signer_principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

resource "azurerm_role_assignment" "administrators" {
  for_each             = toset(var.administrator_object_ids)
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = each.value
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_key_vault.this.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "AuditEvent"
  }
}
