# What environments promise of costs, for their tests.
output "properties" {
  description = "What is asserted of a plan."
  value = {
    budget_notifications = [for n in azurerm_consumption_budget_resource_group.this.notification : n.threshold_type if n.enabled != false]
  }
}
