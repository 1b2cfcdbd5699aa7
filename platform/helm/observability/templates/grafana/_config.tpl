{{/*
Grafana's provisioning: the Prometheus of this chart, and the dashboards that are
mounted, which nobody edits in place.
*/}}
{{- define "observability.grafanaDatasources" -}}
apiVersion: 1
datasources:
  - name: Prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: http://prometheus.{{ .Release.Namespace }}.svc:9090
    isDefault: true
    editable: false
    jsonData:
      httpMethod: POST
      timeInterval: {{ .Values.prometheus.scrapeInterval }}
{{- end }}

{{- define "observability.grafanaDashboards" -}}
apiVersion: 1
providers:
  - name: ballast
    type: file
    disableDeletion: true
    allowUiUpdates: false
    options:
      path: /dashboards
{{- end }}

{{/*
The name of a dashboard's ConfigMap, by the path of its file.
*/}}
{{- define "observability.dashboardName" -}}
dashboard-{{ base . | trimSuffix ".json" | lower | replace "_" "-" }}
{{- end }}
