// Command sdk-connector is a Cursor connector made with the official SDK in its usual way: what the chaos schedule and the
// scoreboard hold ours against. It reads the same team from the same Admin API and says the same about it. It has no
// directory, so it neither creates nor deletes accounts.
package main

import (
	"context"

	"github.com/conductorone/baton-sdk/pkg/cli"
	"github.com/conductorone/baton-sdk/pkg/config"
	"github.com/conductorone/baton-sdk/pkg/connectorbuilder"
	"github.com/conductorone/baton-sdk/pkg/field"
	"github.com/spf13/viper"

	"baton-cursor/test/interop/internal/sdkconnector"
)

const version = "v0.0.1"

var (
	apiKey = field.StringField("cursor-api-key",
		field.WithDescription("Team API key of the Cursor dashboard"),
		field.WithIsSecret(true), field.WithRequired(true))
	baseURL = field.StringField("cursor-base-url",
		field.WithDescription("Address of the Admin API"),
		field.WithDefaultValue("https://api.cursor.com"))
)

func main() {
	schema := field.NewConfiguration([]field.SchemaField{apiKey, baseURL})
	config.RunConnector(context.Background(), "sdk-connector", version, schema, newConnector)
}

func newConnector(
	ctx context.Context, settings *viper.Viper, _ *cli.ConnectorOpts,
) (connectorbuilder.ConnectorBuilderV2, []connectorbuilder.Opt, error) {
	connector, err := sdkconnector.New(ctx, settings.GetString(apiKey.FieldName), settings.GetString(baseURL.FieldName))
	return connector, nil, err
}
