# Promises about what all environments share. TestEveryPropertyIsHeldByATest takes each
# property away in turn, and this file has to notice.
mock_provider "azurerm" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  subscription_id              = "00000000-0000-0000-0000-000000000000"
  location                     = "westeurope"
  registry_name                = "ballastexample"
  key_vault_name               = "kv-ballast-example"
  key_administrator_object_ids = ["00000000-0000-0000-0000-000000000006"]
}

run "images_come_from_the_pipeline_alone" {
  command = plan

  assert {
    condition     = !module.registry.properties.admin_enabled && !module.registry.properties.anonymous_pull_enabled
    error_message = "The registry lets in somebody whom Entra ID does not know."
  }

  assert {
    condition     = module.registry.properties.pusher_role == "AcrPush"
    error_message = "The pipeline may do more in the registry than push, or less."
  }

  assert {
    condition     = module.registry.properties.zone_redundant
    error_message = "The registry goes with a zone."
  }
}

run "the_key_stays_in_the_vault" {
  command = plan

  assert {
    condition     = module.keyvault.properties.rbac && module.keyvault.properties.purge_protection
    error_message = "Roles do not decide who asks the vault, or what is in it can be destroyed."
  }

  assert {
    condition     = module.keyvault.properties.curve == "P-256" && module.keyvault.properties.operations == "sign,verify"
    error_message = "The key is not one on P-256 that only signs."
  }

  assert {
    condition     = module.keyvault.properties.signer_role == "Key Vault Crypto User"
    error_message = "The pipeline may do more with the key than use it."
  }

  assert {
    condition     = output.signing_key == "azurekms://kv-ballast-example.vault.azure.net/release"
    error_message = "The key's name is not one that release-sign takes."
  }
}

run "the_pipeline_has_no_secret" {
  command = plan

  variables {
    release_connection = { issuer = "https://issuer.example", subject = "s" }
  }

  assert {
    condition     = length(azurerm_federated_identity_credential.release) == 1
    error_message = "The connection's identity is not federated."
  }
}
