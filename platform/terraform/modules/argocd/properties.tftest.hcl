# What Argo CD promises in every environment, on a plan with a mocked provider, which only
# repeats its input: TestEveryPropertyOfArgoCDIsHeldByATest takes each property away in turn,
# and this file has to notice.
mock_provider "helm" {
  override_during = plan
}

variables {
  environment      = "prod"
  highly_available = true
  cluster_secret   = <<-EOT
    metadata:
      name: in-cluster
      labels: {ballast.dev/environment: prod}
      annotations: {ballast.dev/registry: registry.example}
  EOT
}

run "it_is_the_one_that_was_tried" {
  command = plan

  assert {
    condition     = output.properties.chart == "https://argoproj.github.io/argo-helm argo-cd 10.10.0"
    error_message = "The chart is not the one that is pinned."
  }

  assert {
    condition     = output.properties.image_tag == "v3.5.7"
    error_message = "It is another Argo CD than that of `make up`."
  }

  assert {
    condition     = output.properties.release == "argocd/argocd"
    error_message = "Programs of Argo CD look for each other by other names."
  }

  assert {
    condition     = output.properties.waits
    error_message = "What does not become ready counts as installed."
  }
}

run "settings_have_one_owner" {
  command = plan

  assert {
    condition     = length(output.properties.owned) == 0
    error_message = "The chart has settings that platform/argocd/bootstrap has, too."
  }

  assert {
    condition     = try(output.properties.secrets[0].metadata.annotations["ballast.dev/registry"], "") == "registry.example"
    error_message = "The Secret of the cluster is not passed on as it is."
  }
}

run "the_secret_is_of_this_environment" {
  command = plan

  variables {
    environment = "dev"
  }

  expect_failures = [var.cluster_secret]
}

run "nobody_comes_in_who_is_not_named" {
  command = plan

  assert {
    condition     = output.properties.admin_hash != "" && !startswith(output.properties.admin_hash, "$2")
    error_message = "There is a password for admin."
  }

  assert {
    condition     = jsonencode(output.properties.off) == jsonencode(["dex", "notifications"])
    error_message = "A program runs that nobody uses."
  }

  assert {
    condition     = output.properties.service == "ClusterIP"
    error_message = "Argo CD is reachable from outside of the cluster."
  }

  assert {
    condition     = output.properties.non_root
    error_message = "A program may run as root."
  }
}

run "it_has_its_place" {
  command = plan

  assert {
    condition     = length(output.properties.unsized) == 0
    error_message = "A program says nothing of the memory and CPU that it takes."
  }

  assert {
    condition     = jsonencode(output.properties.tolerates) == jsonencode(["CriticalAddonsOnly"])
    error_message = "It may not run on the system pool, or on nodes that are not for it."
  }
}

run "a_node_and_a_zone_may_go" {
  command = plan

  assert {
    condition     = output.properties.replicas == { applicationSet = 2, controller = 1, repoServer = 2, server = 2 }
    error_message = "A part has as many replicas as it should not."
  }

  assert {
    condition     = jsonencode(output.properties.budgets) == jsonencode(["applicationSet", "repoServer", "server"])
    error_message = "A drain may take both replicas at once."
  }

  assert {
    condition     = output.properties.zones
    error_message = "Both replicas may be in one zone."
  }
}

run "without_high_availability_there_is_one_of_each" {
  command = plan

  variables {
    highly_available = false
  }

  assert {
    condition     = output.properties.replicas == { applicationSet = 1, controller = 1, repoServer = 1, server = 1 }
    error_message = "A part has more than one replica where one is enough."
  }

  assert {
    condition     = length(output.properties.budgets) == 0
    error_message = "A disruption budget keeps the only replica on its node for ever."
  }
}
