# What this environment promises, for its tests.
output "properties" {
  description = "What is asserted of a plan."
  value       = merge(module.cluster.properties, module.observability.properties, module.budget.properties)
}
