output "id" {
  description = "The registry."
  value       = azurerm_container_registry.this.id
}

output "login_server" {
  description = "Host of the registry, as the annotation ballast.dev/registry and `ballast promote --registry` have it."
  value       = azurerm_container_registry.this.login_server
}
