# One registry for all environments: a promotion moves a digest, and never an image.
resource "azurerm_container_registry" "this" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = "Premium"
  # Only identities of Entra ID push and pull.
  admin_enabled          = false
  anonymous_pull_enabled = false
  # Without the registry no node can start a new pod, so it has to survive a zone.
  zone_redundancy_enabled = true
  # Only a push that stopped halfway leaves something without a tag.
  retention_policy_in_days = 30
  tags                     = var.tags
}

# The pipeline pushes; nobody else does.
resource "azurerm_role_assignment" "push" {
  scope                            = azurerm_container_registry.this.id
  role_definition_name             = "AcrPush"
  principal_id                     = var.pusher_principal_id
  principal_type                   = "ServicePrincipal"
  skip_service_principal_aad_check = true
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_container_registry.this.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "ContainerRegistryLoginEvents"
  }

  enabled_log {
    category = "ContainerRegistryRepositoryEvents"
  }
}
