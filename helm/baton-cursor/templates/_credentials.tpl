{{/* The five credentials: how values name them, how the program does. */}}
{{- define "baton-cursor.credentialVariables" -}}
clientId: BATON_CLIENT_ID
clientSecret: BATON_CLIENT_SECRET
cursorApiKey: BATON_CURSOR_API_KEY
scimEndpoint: BATON_CURSOR_SCIM_ENDPOINT
scimToken: BATON_CURSOR_SCIM_TOKEN
{{- end }}

{{- define "baton-cursor.createdSecret" -}}
{{ include "baton-cursor.fullname" . }}-credentials
{{- end }}

{{/*
Where each credential lies, in a fixed order: {items: [{variable, secret, key, optional}]}. Fails unless exactly one way of
giving credentials is used and the three that every sync needs are there. A missing optional key is left out by the kubelet.
*/}}
{{- define "baton-cursor.credentialItems" -}}
{{- $given := .Values.credentials -}}
{{- $ways := list -}}
{{- $secrets := list -}}
{{- if $given.existingSecret -}}
{{- $ways = append $ways "credentials.existingSecret" -}}
{{- $secrets = list (dict "name" $given.existingSecret "keys" $given.keys) -}}
{{- end -}}
{{- if $given.secrets -}}
{{- $ways = append $ways "credentials.secrets" -}}
{{- $secrets = $given.secrets -}}
{{- end -}}
{{- if $given.create.enabled -}}
{{- $ways = append $ways "credentials.create" -}}
{{- $keys := dict -}}
{{- range $name, $variable := include "baton-cursor.credentialVariables" . | fromYaml -}}
{{- if get $given.create $name -}}{{- $_ := set $keys $name $variable -}}{{- end -}}
{{- end -}}
{{- $secrets = list (dict "name" (include "baton-cursor.createdSecret" .) "keys" $keys) -}}
{{- end -}}
{{- if ne (len $ways) 1 -}}
{{- fail (printf "\n\nSay where the credentials are, in exactly one way: credentials.existingSecret (the name of a Secret), credentials.secrets (several) or credentials.create.enabled=true (a trial). Given: %s\n" (default "none" (join ", " $ways))) -}}
{{- end -}}
{{- $items := list -}}
{{- range $name := list "clientId" "clientSecret" "cursorApiKey" "scimEndpoint" "scimToken" -}}
{{- $variable := get (include "baton-cursor.credentialVariables" $ | fromYaml) $name -}}
{{- $scim := hasPrefix "scim" $name -}}
{{- $found := list -}}
{{- range $secret := $secrets -}}
{{- with get $secret.keys $name -}}
{{- $optional := and $scim (not $.Values.provisioning.enabled) -}}
{{- $found = append $found (dict "variable" $variable "secret" $secret.name "key" . "optional" $optional) -}}
{{- end -}}
{{- end -}}
{{- if gt (len $found) 1 -}}
{{- fail (printf "\n\n%s: more than one Secret holds %s; name its key once\n" (first $ways) $name) -}}
{{- end -}}
{{- if and (not $found) (or (not $scim) $.Values.provisioning.enabled) -}}
{{- fail (printf "\n\n%s: no Secret holds %s%s\n" (first $ways) $name (ternary ", which provisioning needs" "" $scim)) -}}
{{- end -}}
{{- $items = concat $items $found -}}
{{- end -}}
{{- toYaml (dict "items" $items) -}}
{{- end }}

{{/* One projected volume, so that all credentials change in one step. Required and optional keys of a Secret are two sources. */}}
{{- define "baton-cursor.credentialSources" -}}
{{- $items := (include "baton-cursor.credentialItems" . | fromYaml).items -}}
{{- $done := list -}}
{{- range $item := $items }}
{{- $group := printf "%s/%v" $item.secret $item.optional }}
{{- if not (has $group $done) }}
{{- $done = append $done $group }}
- secret:
    name: {{ $item.secret }}
    {{- if $item.optional }}
    optional: true
    {{- end }}
    items:
      {{- range $other := $items }}
      {{- if eq $group (printf "%s/%v" $other.secret $other.optional) }}
      - {key: {{ $other.key | quote }}, path: {{ $other.variable }}}
      {{- end }}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}
