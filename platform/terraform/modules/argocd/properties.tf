# What is promised of Argo CD, for the tests of the environments.
locals {
  given = yamldecode(helm_release.this.values[0])
}

output "properties" {
  description = "What is asserted of a plan."
  value = {
    chart      = join(" ", [helm_release.this.repository, helm_release.this.chart, helm_release.this.version])
    release    = "${helm_release.this.namespace}/${helm_release.this.name}"
    waits      = helm_release.this.wait && helm_release.this.atomic
    image_tag  = local.given.global.image.tag
    owned      = [for name in ["cm", "params", "rbac"] : name if local.given.configs[name].create]
    admin_hash = local.given.configs.secret.argocdServerAdminPassword
    off        = [for name in ["dex", "notifications"] : name if !local.given[name].enabled]
    secrets    = local.given.extraObjects
    non_root   = local.given.global.securityContext.runAsNonRoot
    tolerates  = [for t in local.given.global.tolerations : t.key]
    service    = local.given.server.service.type
    replicas   = { for name in ["applicationSet", "controller", "repoServer", "server"] : name => local.given[name].replicas }
    budgets    = [for name in ["applicationSet", "repoServer", "server"] : name if local.given[name].pdb.enabled]
    zones      = length(local.given.global.topologySpreadConstraints) > 0
    unsized = [for name in ["applicationSet", "controller", "redis", "redisSecretInit", "repoServer", "server"] : name
      if try(local.given[name].resources.requests.cpu == null || local.given[name].resources.requests.memory == null || local.given[name].resources.limits.memory == null, true)
    ]
  }
}
