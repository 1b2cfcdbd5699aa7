# Notifies before the money is spent: when the forecast passes the budget, and when the actual
# costs pass 80% and 100% of it.
resource "azurerm_consumption_budget_resource_group" "this" {
  name              = "budget-ballast-${var.environment}"
  resource_group_id = var.resource_group_id
  amount            = var.monthly_amount
  time_grain        = "Monthly"

  time_period {
    start_date = var.start_date
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 100
    threshold_type = "Forecasted"
    contact_emails = var.contact_emails
    contact_groups = [var.action_group_id]
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 80
    threshold_type = "Actual"
    contact_emails = var.contact_emails
    contact_groups = [var.action_group_id]
  }

  notification {
    operator       = "GreaterThanOrEqualTo"
    threshold      = 100
    threshold_type = "Actual"
    contact_emails = var.contact_emails
    contact_groups = [var.action_group_id]
  }

  lifecycle {
    # Azure moves it on every month.
    ignore_changes = [time_period]
  }
}
