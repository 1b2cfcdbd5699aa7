# The project in Azure DevOps: repository with its policies, pipelines, connections without
# secrets, environments with their approvals. azure-pipelines.yml and platform/pipelines use
# the same names; a test compares them.
locals {
  environments = toset(["release", "dev", "dev-chaos", "staging", "staging-chaos", "prod"])
  # These need an approval. The others need none.
  approved = toset(["release", "staging", "prod"])
  pipelines = {
    ballast          = "azure-pipelines.yml"
    promotion        = "platform/pipelines/promotion.yml"
    load-test        = "platform/pipelines/load-test.yml"
    rollback-on-page = "platform/pipelines/rollback-on-page.yml"
  }
  templates = ["platform/pipelines/release.yml", "platform/pipelines/judged.yml", "platform/pipelines/measured.yml", "platform/pipelines/watched.yml"]
}

resource "azuredevops_project" "this" {
  name            = var.project
  visibility      = "private"
  version_control = "Git"
}

resource "azuredevops_git_repository" "this" {
  project_id = azuredevops_project.this.id
  name       = "ballast"

  initialization {
    init_type   = "Import"
    source_type = "Git"
    source_url  = var.source_url
  }

  lifecycle {
    ignore_changes  = [initialization]
    prevent_destroy = true
  }
}

resource "azuredevops_build_definition" "this" {
  for_each   = local.pipelines
  project_id = azuredevops_project.this.id
  name       = each.key

  ci_trigger {
    use_yaml = true
  }

  repository {
    repo_type   = "TfsGit"
    repo_id     = azuredevops_git_repository.this.id
    branch_name = "refs/heads/main"
    yml_path    = each.value
  }
}

# Azure Repos does not read `pr:` of a pipeline; this starts it for every pull request.
resource "azuredevops_branch_policy_build_validation" "this" {
  project_id = azuredevops_project.this.id
  enabled    = true
  blocking   = true

  settings {
    display_name        = "Validate"
    build_definition_id = azuredevops_build_definition.this["ballast"].id
    # A promotion changes pair.yaml alone. It was judged before and needs people only.
    filename_patterns = ["*", "!/platform/argocd/environments/*/pair.yaml"]

    scope {
      repository_id  = azuredevops_git_repository.this.id
      repository_ref = "refs/heads/main"
      match_type     = "Exact"
    }
  }
}

resource "azuredevops_branch_policy_min_reviewers" "this" {
  project_id = azuredevops_project.this.id
  enabled    = true
  blocking   = true

  settings {
    reviewer_count             = 1
    submitter_can_vote         = false
    last_pusher_cannot_approve = true

    scope {
      repository_id  = azuredevops_git_repository.this.id
      repository_ref = "refs/heads/main"
      match_type     = "Exact"
    }
  }
}

# Federated: Azure DevOps vouches for the connection, and there is no secret to rotate.
resource "azuredevops_serviceendpoint_azurerm" "this" {
  for_each                               = var.connections
  project_id                             = azuredevops_project.this.id
  service_endpoint_name                  = "ballast-${each.key}"
  service_endpoint_authentication_scheme = "WorkloadIdentityFederation"
  azurerm_spn_tenantid                   = each.value.tenant_id
  azurerm_subscription_id                = each.value.subscription_id
  azurerm_subscription_name              = each.value.subscription_name

  credentials {
    serviceprincipalid = each.value.client_id
  }
}

resource "azuredevops_environment" "this" {
  for_each   = local.environments
  project_id = azuredevops_project.this.id
  name       = each.key
}

resource "azuredevops_check_approval" "this" {
  for_each              = local.approved
  project_id            = azuredevops_project.this.id
  target_resource_id    = azuredevops_environment.this[each.key].id
  target_resource_type  = "environment"
  approvers             = var.approver_ids
  requester_can_approve = false
  timeout               = 1440
}

# A connection works only with the templates of the main branch: a pipeline that is edited in
# another branch cannot use its identity.
resource "azuredevops_check_required_template" "this" {
  for_each             = var.connections
  project_id           = azuredevops_project.this.id
  target_resource_id   = azuredevops_serviceendpoint_azurerm.this[each.key].id
  target_resource_type = "endpoint"

  dynamic "required_template" {
    for_each = local.templates
    content {
      repository_type = "azuregit"
      repository_name = "${azuredevops_project.this.name}/${azuredevops_git_repository.this.name}"
      repository_ref  = "refs/heads/main"
      template_path   = required_template.value
    }
  }
}

# No variable is a secret.
resource "azuredevops_variable_group" "this" {
  project_id   = azuredevops_project.this.id
  name         = "ballast-release"
  allow_access = true

  variable {
    name  = "REGISTRY"
    value = var.registry
  }

  variable {
    name  = "SIGNING_KEY"
    value = var.signing_key
  }

  variable {
    name  = "PROMETHEUS_STAGING"
    value = var.prometheus_urls["staging"]
  }

  variable {
    name  = "PROMETHEUS_PROD"
    value = var.prometheus_urls["prod"]
  }
}
