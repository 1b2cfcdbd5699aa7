# What this environment promises, on a plan with a provider that is not asked anything. A
# mocked plan repeats its input: tests/mutants_test.go takes each property away in turn, and
# this file has to notice.
mock_provider "azurerm" {
  override_during = plan

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
    }
  }
}

variables {
  subscription_id        = "00000000-0000-0000-0000-000000000000"
  location               = "westeurope"
  admin_group_object_ids = ["00000000-0000-0000-0000-000000000006"]
  monthly_budget         = 100
  budget_start_date      = "2026-12-01T00:00:00Z"
  registry = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r"
    login_server = "registry.example"
  }
  receivers = {
    page   = { short_name = "page", emails = ["page@example.org"] }
    ticket = { short_name = "ticket", emails = ["ticket@example.org"] }
  }
}

run "nobody_enters_but_by_entra_id" {
  command = plan

  assert {
    condition     = module.environment.properties.local_account_disabled
    error_message = "The cluster has local accounts."
  }

  assert {
    condition     = module.environment.properties.azure_rbac_enabled
    error_message = "Roles of Azure do not decide who may do what."
  }

  assert {
    condition     = module.environment.properties.workload_identity_enabled
    error_message = "Pods have no identity."
  }

  assert {
    condition     = !module.environment.properties.run_command_enabled
    error_message = "Commands can be run past the API server's address."
  }

  assert {
    condition     = module.environment.properties.private == false
    error_message = "The API server is where it should not be."
  }
}

run "pods_are_kept_apart" {
  command = plan

  assert {
    condition     = module.environment.properties.network == "azure/overlay/cilium/cilium"
    error_message = "The network is not an overlay of Azure with Cilium's policies."
  }

  assert {
    condition     = module.environment.properties.safeguards == "Enforce"
    error_message = "Deployment safeguards do not enforce."
  }

  assert {
    condition     = jsonencode(module.environment.properties.safeguards_excluded) == jsonencode(["chaos-testing"])
    error_message = "Safeguards leave out another namespace than that of Chaos Mesh, or in an environment without faults."
  }
}

run "it_survives_what_it_promises_to" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.zones) == jsonencode(["1", "2", "3"])
    error_message = "Nodes are in other zones than promised."
  }

  assert {
    condition     = module.environment.properties.sku_tier == "Standard"
    error_message = "The control plane has another SLA than promised."
  }

  assert {
    condition     = module.environment.properties.user_min_count >= length(["1", "2", "3"])
    error_message = "A zone may have no node."
  }

  assert {
    condition     = module.environment.properties.image_cleaner_enabled
    error_message = "Old images fill the nodes' disks."
  }
}

run "costs_have_an_end" {
  command = plan

  assert {
    condition     = module.environment.properties.daily_quota_gb > 0
    error_message = "Logs have no daily cap."
  }

  assert {
    condition     = module.environment.properties.retention_in_days <= 90
    error_message = "Logs are kept for longer than 90 days."
  }

  assert {
    condition     = jsonencode(module.environment.properties.spot) == jsonencode({ min = 0, max = 6, priority = "Spot" })
    error_message = "The spot pool does not begin at zero, or is where it should not be."
  }

  assert {
    condition     = contains(module.environment.properties.budget_notifications, "Forecasted")
    error_message = "Nobody is told before the money is spent."
  }
}

run "argo_cd_gets_what_it_reads" {
  command = plan

  assert {
    condition     = yamldecode(output.cluster_secret).metadata.labels["ballast.dev/environment"] == "staging"
    error_message = "The cluster's Secret names another environment."
  }

  assert {
    condition     = yamldecode(output.cluster_secret).metadata.annotations["ballast.dev/registry"] == "registry.example"
    error_message = "The cluster's Secret names another registry."
  }
}
