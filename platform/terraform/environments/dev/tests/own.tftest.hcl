# What this environment promises beyond every.tftest.hcl.
mock_provider "azurerm" {
  source          = "../../mocks"
  override_during = plan
}

run "nobody_enters_but_by_entra_id" {
  command = plan

  assert {
    condition     = module.environment.properties.private == false
    error_message = "The API server is where it should not be."
  }
}

run "pods_are_kept_apart" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.safeguards_excluded) == jsonencode(["chaos-testing"])
    error_message = "Safeguards leave out another namespace than that of Chaos Mesh, or in an environment without faults."
  }
}

run "it_survives_what_it_promises_to" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.zones) == jsonencode(["1"])
    error_message = "Nodes are in other zones than promised."
  }

  assert {
    condition     = module.environment.properties.sku_tier == "Free"
    error_message = "The control plane has another SLA than promised."
  }

  assert {
    condition     = module.environment.properties.user_min_count >= length(["1"])
    error_message = "A zone may have no node."
  }
}

run "costs_have_an_end" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.spot) == jsonencode({ min = 0, max = 3, priority = "Spot" })
    error_message = "The spot pool does not begin at zero, or is where it should not be."
  }
}

run "argo_cd_gets_what_it_reads" {
  command = plan

  assert {
    condition     = yamldecode(output.cluster_secret).metadata.labels["ballast.dev/environment"] == "dev"
    error_message = "The cluster's Secret names another environment."
  }
}
