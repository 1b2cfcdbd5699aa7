# Where the nodes are. Pods have addresses of an overlay of their own, so the subnet holds
# nodes and internal load balancers only.
resource "azurerm_virtual_network" "this" {
  name                = "vnet-ballast-${var.environment}"
  resource_group_name = var.resource_group_name
  location            = var.location
  address_space       = [var.address_space]
  tags                = var.tags
}

resource "azurerm_subnet" "nodes" {
  name                 = "nodes"
  resource_group_name  = var.resource_group_name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.address_space, 4, 0)]
  # Traffic leaves through the cluster's own outbound address, which others can allow.
  default_outbound_access_enabled = false
}

resource "azurerm_subnet" "endpoints" {
  name                            = "private-endpoints"
  resource_group_name             = var.resource_group_name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [cidrsubnet(var.address_space, 8, 240)]
  default_outbound_access_enabled = false
}
