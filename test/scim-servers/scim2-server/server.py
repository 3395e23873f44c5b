"""The scim2-server package as a program for tests, with the interface of ../program.mjs.

The SCIM server, its in-memory storage and its check of the bearer token are the package's own. Added are a free port,
the JSON line and `/control/users`. It serves ServiceProviderConfig without a token, and needs no wrapper for anything.
"""

import json
import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def stored_user(user):
    emails = [email.value for email in user.emails or []]
    return {"id": user.id, "userName": user.user_name, "active": user.active is not False, "emails": emails}


def seed(application, base_url, token, resources):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    for resource in resources:
        body = json.dumps(resource).encode()
        response = application.serve(ScimRequest("POST", base_url, "/Users", headers=headers, body=body))
        if response.status != 201:
            raise ValueError(f"{response.status} {response.body}")


def control(application, base_url, token, environ):
    storage = application.storage
    if environ["REQUEST_METHOD"] == "GET":
        with storage.lock:
            return [stored_user(each) for each in storage.resources if each.meta.resource_type == "User"]
    if environ["REQUEST_METHOD"] == "DELETE":
        with storage.lock:
            storage.resources = []
    if environ["REQUEST_METHOD"] == "POST":
        seed(application, base_url, token, json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
    return {}


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def main():
    token = os.environ["SCIM_TOKEN"]
    config = load_default_service_provider_config()
    config.authentication_schemes = [BEARER_TOKEN_SCHEME]
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=config
    )
    application = BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[token])

    def route(environ, start_response):
        if environ["PATH_INFO"] != "/control/users":
            return application(environ, start_response)
        try:
            status, body = "200 OK", control(application, base_url, token, environ)
        except Exception as error:
            status, body = "500 Internal Server Error", str(error)
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    with make_server("127.0.0.1", 0, route, server_class=Server, handler_class=QuietHandler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        base_url = f"{origin}/v2"
        threading.Thread(target=end_with_parent, daemon=True).start()
        print(json.dumps({"url": base_url, "control": f"{origin}/control/users"}), flush=True)
        server.serve_forever()


main()
