output "nodes_subnet_id" {
  description = "Subnet of the nodes."
  value       = azurerm_subnet.nodes.id
}

output "endpoints_subnet_id" {
  description = "Subnet of private endpoints."
  value       = azurerm_subnet.endpoints.id
}

output "virtual_network_id" {
  description = "The network."
  value       = azurerm_virtual_network.this.id
}
