# What tflint checks in every module and environment: `make terraform-lint`. Both programs are
# built from tools/tflint, so that a plugin has no source or version here: `tflint --init`
# would download another one.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

plugin "azurerm" {
  enabled = true
}

# Whoever reads the bill sees what a resource belongs to.
rule "azurerm_resource_missing_tags" {
  enabled = true
  tags    = ["application", "environment", "managed-by"]
}

# It wants all outputs in outputs.tf. Those that exist for tests only are in properties.tf, and
# the environments link theirs from root.
rule "terraform_standard_module_structure" {
  enabled = false
}
