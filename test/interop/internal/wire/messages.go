package wire

import (
	"fmt"
	"sort"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/conductorone/baton-sdk/pb/c1/connector/v2" // Registers the messages named below.
	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

// connectorMessages are the messages of package c1.connector.v2 that a task carries, that answers one, or that Hello
// sends; the messages inside them come along by themselves.
var connectorMessages = []protoreflect.Name{
	// Hello
	"ConnectorMetadata", "ConnectorCapabilities", "ResourceTypeCapability", "CapabilityPermissions", "CapabilityPermission",
	"CredentialDetails", "CredentialDetailsAccountProvisioning", "CredentialDetailsCredentialRotation",
	"ConnectorAccountCreationSchema", "ResourceType", "AssetRef",
	// Tasks
	"Resource", "ResourceId", "Entitlement", "Grant", "AccountInfo", "CredentialOptions", "EncryptionConfig", "EncryptedData",
	"TicketRequest", "TicketSchema", "CredentialIssueOptions",
	// Answers
	"GrantManagerServiceGrantResponse", "GrantManagerServiceRevokeResponse", "CreateAccountResponse", "CreateResourceResponse",
	"DeleteResourceResponse", "RotateCredentialResponse", "IssueCredentialResponse", "TicketsServiceCreateTicketResponse",
	"TicketsServiceGetTicketResponse", "TicketsServiceBulkCreateTicketsResponse", "TicketsServiceBulkGetTicketsResponse",
	"TicketsServiceListTicketSchemasResponse", "ListActionSchemasResponse", "GetActionSchemaResponse", "InvokeActionResponse",
	"GetActionStatusResponse", "ListEventFeedsResponse", "ListEventsResponse",
	// Details and annotations
	"RateLimitDescription", "UserTrait", "RoleTrait", "ResourceDoesNotExist", "EntitlementImmutable", "SkipEntitlementsAndGrants",
	"ExternalTicketSettings",
}

// roots lists every message of the service's own file and the connector messages above.
func roots() ([]protoreflect.MessageDescriptor, error) {
	var found []protoreflect.MessageDescriptor
	var collect func(messages protoreflect.MessageDescriptors)
	collect = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			if message := messages.Get(i); !message.IsMapEntry() {
				found = append(found, message)
				collect(message.Messages())
			}
		}
	}
	collect(baton.File_c1_connectorapi_baton_v1_baton_proto.Messages())
	for _, name := range connectorMessages {
		message, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("c1.connector.v2").Append(name))
		if err != nil {
			return nil, fmt.Errorf("the SDK has no %s: %w", name, err)
		}
		found = append(found, message.Descriptor())
	}
	return found, nil
}

// closure adds every message that a field of the given ones can hold, ordered by name.
func closure(start []protoreflect.MessageDescriptor) []protoreflect.MessageDescriptor {
	seen := map[protoreflect.FullName]protoreflect.MessageDescriptor{}
	var visit func(message protoreflect.MessageDescriptor)
	visit = func(message protoreflect.MessageDescriptor) {
		if seen[message.FullName()] != nil {
			return
		}
		if !message.IsMapEntry() {
			seen[message.FullName()] = message
		}
		for i := range message.Fields().Len() {
			if inner := message.Fields().Get(i).Message(); inner != nil {
				visit(inner)
			}
		}
	}
	for _, message := range start {
		visit(message)
	}
	all := make([]protoreflect.MessageDescriptor, 0, len(seen))
	for _, message := range seen {
		all = append(all, message)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].FullName() < all[j].FullName() })
	return all
}
