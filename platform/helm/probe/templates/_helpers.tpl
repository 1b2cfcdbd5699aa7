{{/*
The name of the objects.
*/}}
{{- define "probe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "probe.labels" -}}
{{ include "ballast.labels" (dict "root" . "name" "probe" "component" "load") }}
{{- end }}

{{- define "probe.selectorLabels" -}}
{{ include "ballast.selectorLabels" (dict "root" . "name" "probe" "component" "load") }}
{{- end }}
