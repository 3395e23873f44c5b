{{/* A name of at most 50 characters, so that suffixes fit into 63. What is cut off lives on as a hash. */}}
{{- define "baton-cursor.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) -}}
{{- $name = default $name .Values.fullnameOverride | replace "." "-" -}}
{{- if gt (len $name) 50 -}}
{{- printf "%s-%s" (trunc 41 $name | trimSuffix "-") (sha256sum $name | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end }}

{{/* Names of Services must begin with a letter, release names need not. */}}
{{- define "baton-cursor.metricsService" -}}
metrics-{{ include "baton-cursor.fullname" . }}
{{- end }}

{{- define "baton-cursor.testName" -}}
test-{{ include "baton-cursor.fullname" . }}
{{- end }}

{{- define "baton-cursor.doctorName" -}}
doctor-{{ include "baton-cursor.fullname" . }}
{{- end }}

{{- define "baton-cursor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "baton-cursor.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "baton-cursor.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: connector
{{- end }}

{{- define "baton-cursor.labels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/part-of: baton-cursor
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Without chart and version, so that an upgrade that changes nothing else restarts no pod. */}}
{{- define "baton-cursor.podLabels" -}}
{{- $own := include "baton-cursor.selectorLabels" . | fromYaml -}}
{{- merge $own (dict "app.kubernetes.io/part-of" "baton-cursor") .Values.podLabels .Values.commonLabels | toYaml -}}
{{- end }}

{{/* With the labels of the connector's pods, so that policies which know these hold for the pod that examines their way out. */}}
{{- define "baton-cursor.doctorLabels" -}}
{{- $own := include "baton-cursor.labels" . | fromYaml -}}
{{- merge (dict "app.kubernetes.io/component" "doctor") $own .Values.podLabels | toYaml -}}
{{- end }}

{{/* Not empty where the replicas share the work by a Lease. */}}
{{- define "baton-cursor.hasLease" -}}
{{- if and .Values.leaderElection.enabled (ge (int .Values.replicaCount) 2) -}}yes{{- end -}}
{{- end }}

{{/* Not empty where the pods speak to the Kubernetes API. */}}
{{- define "baton-cursor.usesApi" -}}
{{- if .Values.events.enabled -}}yes{{- else -}}{{- include "baton-cursor.hasLease" . -}}{{- end -}}
{{- end }}

{{- define "baton-cursor.image" -}}
{{- $image := .Values.image -}}
{{- if not $image.repository -}}
{{- fail "\n\nimage.repository is empty, and there is no public image of this connector. Build one and push it:\n\n  make image-push IMAGE=registry.example.com/team/baton-cursor:0.1.0\n\nthen set image.repository=registry.example.com/team/baton-cursor (docs/release.md has the details)\n" -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}
