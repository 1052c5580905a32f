"""Tasks: the nodes of deployments' workflows, from the plan to their end."""
