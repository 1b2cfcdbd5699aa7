# What all environments have in common: the registry, the key that signs, and the identity of
# the pipeline that publishes.
locals {
  tags = {
    application = "ballast"
    environment = "shared"
    managed-by  = "terraform"
  }
}

data "azurerm_client_config" "current" {}

resource "azurerm_resource_group" "this" {
  name     = "rg-ballast-shared"
  location = var.location
  tags     = local.tags
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-ballast-shared"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.location
  sku                          = "PerGB2018"
  retention_in_days            = 90
  daily_quota_gb               = 1
  local_authentication_enabled = false
  tags                         = local.tags
}

# The pipeline's stage `publish`. Its service connection is federated with this identity:
# modules/devops makes the connection, and says issuer and subject.
resource "azurerm_user_assigned_identity" "release" {
  name                = "id-ballast-release"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "release" {
  count                     = var.release_connection == null ? 0 : 1
  name                      = "azure-devops"
  user_assigned_identity_id = azurerm_user_assigned_identity.release.id
  issuer                    = var.release_connection.issuer
  subject                   = var.release_connection.subject
  audience                  = ["api://AzureADTokenExchange"]
}

module "registry" {
  source                     = "../../modules/registry"
  name                       = var.registry_name
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  pusher_principal_id        = azurerm_user_assigned_identity.release.principal_id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  tags                       = local.tags
}

module "keyvault" {
  source                     = "../../modules/keyvault"
  name                       = var.key_vault_name
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  signer_principal_id        = azurerm_user_assigned_identity.release.principal_id
  administrator_object_ids   = var.key_administrator_object_ids
  allowed_ip_ranges          = var.key_vault_allowed_ip_ranges
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  tags                       = local.tags
}
