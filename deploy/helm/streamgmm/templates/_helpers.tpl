{{/* The names of all objects begin so. */}}
{{- define "streamgmm.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the workers; it never changes in the life of a release. */}}
{{- define "streamgmm.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "streamgmm.labels" -}}
{{ include "streamgmm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: worker
{{- end -}}

{{/* The job's TOML file. */}}
{{- define "streamgmm.job" -}}
{{- .Values.job | default (.Files.Get "files/job.toml") -}}
{{- end -}}
