{{/* The container's mounts. The pod of `helm test` that looks at everything has the same. */}}
{{- define "baton-cursor.volumeMounts" -}}
{{- $ca := .Values.certificateAuthority -}}
- {name: temp, mountPath: /tmp}
{{- if not .Values.credentials.asEnv }}
# The directory, never a file of it: only so do new credentials arrive without a restart.
- {name: credentials, mountPath: /run/baton-cursor/credentials, readOnly: true}
{{- end }}
{{- if or $ca.configMap $ca.secret }}
- {name: certificate-authority, mountPath: /etc/baton-cursor/ca, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The pod's volumes, which `baton-cursor.volumeMounts` mounts. */}}
{{- define "baton-cursor.volumes" -}}
{{- $values := .Values -}}
{{- $ca := $values.certificateAuthority -}}
- name: temp
  emptyDir:
    sizeLimit: {{ $values.temp.sizeLimit }}
    {{- with $values.temp.medium }}
    medium: {{ . }}
    {{- end }}
{{- if not $values.credentials.asEnv }}
- name: credentials
  projected:
    defaultMode: 0440
    sources:
      {{- include "baton-cursor.credentialSources" . | trim | nindent 6 }}
{{- end }}
{{- if and $ca.configMap $ca.secret }}
{{- fail "\n\ncertificateAuthority: name a configMap or a secret, not both\n" }}
{{- else if $ca.configMap }}
- name: certificate-authority
  configMap: {name: {{ $ca.configMap }}, items: [{key: {{ $ca.key | quote }}, path: {{ $ca.key | quote }}}]}
{{- else if $ca.secret }}
- name: certificate-authority
  secret: {secretName: {{ $ca.secret }}, defaultMode: 0440, items: [{key: {{ $ca.key | quote }}, path: {{ $ca.key | quote }}}]}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
