{{/*
What the runner and the guard may do where, as rules of a Role. No rule has a wildcard,
a Secret, or a verb that changes what somebody else made.
*/}}

{{/*
The runner in a namespace that may be hit.
*/}}
{{- define "chaos.runnerInNamespace" -}}
# Chaos Mesh asks, too, whether the author of a fault may create it in every namespace
# that it hits.
- apiGroups: [chaos-mesh.org]
  resources:
    {{- include "chaos.faults" . | nindent 4 }}
  verbs: [create, get, list, watch, delete]
- apiGroups: [chaos-mesh.org]
  resources:
    {{- include "chaos.marks" . | nindent 4 }}
  verbs: [get, list, watch]
# A drain asks for evictions, which disruption budgets may refuse. Nodes stay as they are.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Whom a fault hits, who owns them, and who would interfere.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments, replicasets, statefulsets, daemonsets]
  verbs: [get, list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
# What happened, on the workload that it happened to.
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create]
# What else happened meanwhile, for the report.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list]
{{- end }}

{{/*
The runner in this chart's namespace.
*/}}
{{- define "chaos.runnerAtHome" -}}
# One of each run.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create, get, list, watch, update, delete]
# Which version of Chaos Mesh injects, for the report.
- apiGroups: [apps]
  resources: [deployments]
  resourceNames: [chaos-controller-manager]
  verbs: [get]
{{ include "chaos.killSwitch" . }}
{{- end }}

{{/*
The runner where Prometheus is.
*/}}
{{- define "chaos.runnerAtPrometheus" -}}
# Queries go through the API server, to this Service and no other.
- apiGroups: [""]
  resources: [services/proxy]
  resourceNames: [prometheus, "prometheus:web", "http:prometheus:web", "prometheus:9090", "http:prometheus:9090"]
  verbs: [get]
# Whether an alert that fires has arrived.
- apiGroups: [""]
  resources: [services/proxy]
  resourceNames: [alertmanager, "alertmanager:web", "http:alertmanager:web", "alertmanager:9093", "http:alertmanager:9093"]
  verbs: [get]
{{- end }}

{{/*
The guard in a namespace that may be hit.
*/}}
{{- define "chaos.guardInNamespace" -}}
- apiGroups: [chaos-mesh.org]
  resources:
    {{- include "chaos.faults" . | nindent 4 }}
  verbs: [get, list, watch, delete]
- apiGroups: [chaos-mesh.org]
  resources:
    {{- include "chaos.marks" . | nindent 4 }}
  verbs: [get, list, watch]
{{- end }}

{{/*
The guard in this chart's namespace.
*/}}
{{- define "chaos.guardAtHome" -}}
# One of each run; those whose run is dead go.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, list, watch, delete]
{{ include "chaos.killSwitch" . }}
{{- end }}

{{/*
The ConfigMap with which people end every run. Nobody but they may write it.
*/}}
{{- define "chaos.killSwitch" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [ballast-kill-switch]
  verbs: [get, list, watch]
{{- end }}
