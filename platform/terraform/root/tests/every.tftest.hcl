# What every environment promises, on a plan with a mocked provider, which only repeats its
# input: TestEveryPropertyIsHeldByATest takes each property away in turn, and these files have
# to notice.
mock_provider "azurerm" {
  source          = "../../mocks"
  override_during = plan
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
}

run "it_survives_what_it_promises_to" {
  command = plan

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
    condition     = contains(module.environment.properties.budget_notifications, "Forecasted")
    error_message = "Nobody is told before the money is spent."
  }
}

run "argo_cd_gets_what_it_reads" {
  command = plan

  assert {
    condition     = yamldecode(output.cluster_secret).metadata.annotations["ballast.dev/registry"] == "registry.example"
    error_message = "The cluster's Secret names another registry."
  }

  assert {
    condition     = output.api_server == { host = "https://api.example:443", ca_certificate = "Q0E=" }
    error_message = "The root of Argo CD does not learn where the API server is."
  }
}
