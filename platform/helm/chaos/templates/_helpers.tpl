{{/*
Kinds of faults that a run can bound: each takes a duration, or is done at once. Not
among them are those that start others on their own (Schedule, Workflow), those that
act on other clusters (RemoteCluster) and on machines outside of this one
(PhysicalMachineChaos, PhysicalMachine).
*/}}
{{- define "chaos.faults" -}}
- awschaos
- azurechaos
- blockchaos
- dnschaos
- gcpchaos
- httpchaos
- iochaos
- jvmchaos
- kernelchaos
- networkchaos
- podchaos
- stresschaos
- timechaos
{{- end }}

{{/*
What Chaos Mesh makes of some of them, one for each pod. What is left in one is a
fault that nobody undid.
*/}}
{{- define "chaos.marks" -}}
- podhttpchaos
- podiochaos
- podnetworkchaos
{{- end }}

{{/*
Whether there is a guard: something that says "true", or nothing. It runs the runner's
image; before that is released there is none to run, and where nothing may be hit there
is nothing to guard.
*/}}
{{- define "chaos.guard" -}}
{{- if and .Values.guard.enabled .Values.runner.namespaces (or .Values.image.digest .Values.image.tag) }}true{{ end -}}
{{- end }}

{{/*
The name and labels of the runner's objects and the guard's: (dict "root" $ "who" "runner").
*/}}
{{- define "chaos.ownLabels" -}}
{{ include "ballast.labels" (dict "root" .root "name" (printf "ballast-%s" .who) "component" .who) }}
{{- end }}

{{/*
A Role of a namespace, and its binding to an identity of this one:
(dict "root" $ "who" "runner" "namespace" NAMESPACE "rules" TEXT), and "suffix" for a
second one in a namespace.
*/}}
{{- define "chaos.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: ballast-{{ .who }}{{ get . "suffix" }}
  namespace: {{ .namespace }}
  labels:
    {{- include "chaos.ownLabels" . | nindent 4 }}
rules:
  {{- .rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: ballast-{{ .who }}{{ get . "suffix" }}
  namespace: {{ .namespace }}
  labels:
    {{- include "chaos.ownLabels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: ballast-{{ .who }}{{ get . "suffix" }}
subjects:
  - kind: ServiceAccount
    name: ballast-{{ .who }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/*
Egress to the API server.
*/}}
{{- define "chaos.apiServerEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
