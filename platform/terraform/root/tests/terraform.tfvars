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
