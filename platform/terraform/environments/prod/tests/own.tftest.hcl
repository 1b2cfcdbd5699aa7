# What this environment promises beyond every.tftest.hcl.
mock_provider "azurerm" {
  source          = "../../mocks"
  override_during = plan
}

run "nobody_enters_but_by_entra_id" {
  command = plan

  assert {
    condition     = module.environment.properties.private == true
    error_message = "The API server is where it should not be."
  }
}

run "pods_are_kept_apart" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.safeguards_excluded) == jsonencode([])
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
}

run "costs_have_an_end" {
  command = plan

  assert {
    condition     = jsonencode(module.environment.properties.spot) == jsonencode(null)
    error_message = "The spot pool does not begin at zero, or is where it should not be."
  }
}

run "argo_cd_gets_what_it_reads" {
  command = plan

  assert {
    condition     = yamldecode(output.cluster_secret).metadata.labels["ballast.dev/environment"] == "prod"
    error_message = "The cluster's Secret names another environment."
  }
}
