{{/* What Pod Security "restricted" asks for. Ids that are null are left to the platform. */}}
{{- define "baton-cursor.podSecurity" -}}
runAsNonRoot: true
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- $id := get $.Values.security $name }}
{{- if not (or (kindIs "invalid" $id) (kindIs "string" $id)) }}
{{ $name }}: {{ int64 $id }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "baton-cursor.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
