# What the mocked provider answers.
mock_resource "azurerm_resource_group" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg" }
}

mock_resource "azurerm_subnet" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s" }
}

mock_resource "azurerm_virtual_network" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v" }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
    principal_id = "00000000-0000-0000-0000-000000000001"
    client_id    = "00000000-0000-0000-0000-000000000002"
  }
}

mock_resource "azurerm_log_analytics_workspace" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/w" }
}

mock_resource "azurerm_monitor_workspace" {
  defaults = {
    id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Monitor/accounts/a"
    query_endpoint = "https://prometheus.example"
  }
}

mock_resource "azurerm_monitor_data_collection_endpoint" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionEndpoints/e" }
}

mock_resource "azurerm_monitor_data_collection_rule" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionRules/r" }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/g" }
}

mock_resource "azurerm_dashboard_grafana" {
  defaults = {
    id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Dashboard/grafana/g"
    endpoint = "https://grafana.example"
    identity = { principal_id = "00000000-0000-0000-0000-000000000003", tenant_id = "00000000-0000-0000-0000-000000000004" }
  }
}

mock_resource "azurerm_kubernetes_cluster" {
  defaults = {
    id              = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c"
    oidc_issuer_url = "https://issuer.example/"
    kube_config = [{
      host                   = "https://api.example:443"
      cluster_ca_certificate = "Q0E="
      client_certificate     = ""
      client_key             = ""
      username               = ""
      password               = ""
    }]
  }
}

mock_data "azurerm_client_config" {
  defaults = { tenant_id = "00000000-0000-0000-0000-000000000004" }
}

mock_resource "azurerm_container_registry" {
  defaults = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r"
    login_server = "registry.example"
  }
}

mock_resource "azurerm_key_vault" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v" }
}

mock_resource "azurerm_key_vault_key" {
  defaults = {
    resource_versionless_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v/keys/release"
    public_key_pem          = "PUBLIC"
  }
}
