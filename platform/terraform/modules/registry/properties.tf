# What is promised of the registry, for its test.
output "properties" {
  description = "What is asserted of a plan."
  value = {
    admin_enabled          = azurerm_container_registry.this.admin_enabled
    anonymous_pull_enabled = azurerm_container_registry.this.anonymous_pull_enabled
    zone_redundant         = azurerm_container_registry.this.zone_redundancy_enabled
    pusher_role            = azurerm_role_assignment.push.role_definition_name
  }
}
