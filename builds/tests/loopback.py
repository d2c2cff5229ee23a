"""Registries on loopback for tests: real servers, made of what a test puts on them."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from envportal.tests.wheel_maker import make_wheel

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"


class Registry:
    """Serves `pages`: path → (content type, bytes), or a function that is given the handler. Remembers who asked what."""

    def __init__(self, port):
        self.pages, self.asked, self.sent = {}, [], []
        self.url = f"http://127.0.0.1:{port}/"

    @property
    def paths(self):
        return [path for path, _ in self.asked]

    def put_names(self, *names):
        self.pages["/simple/"] = (JSON, json.dumps({"meta": {}, "projects": [{"name": n} for n in names]}).encode())

    def put_files(self, name, *files):
        """Each a filename, or an object as PEP 691 has them."""
        files = [{"filename": file} if isinstance(file, str) else file for file in files]
        self.pages[f"/simple/{name}/"] = (JSON, json.dumps({"name": name, "files": files}).encode())

    def put_wheels(self, name, *versions, tags=("py3-none-any",), requires=()):
        """Real wheels of a package, one of each version for each tag; what was there before of it is not listed."""
        files = []
        for version in versions:
            for tag in tags:
                module = name.replace("-", "_")
                filename, data = f"{module}-{version}-{tag}.whl", make_wheel(module, version, requires)
                self.pages[f"/files/{filename}"] = ("application/octet-stream", data)
                facts = {"url": f"{self.url}files/{filename}", "size": len(data)}
                files.append({"filename": filename, **facts, "hashes": {"sha256": hashlib.sha256(data).hexdigest()}})
        self.put_files(name, *files)

    def put_sdists(self, name, sdists, wheels=()):
        """Source distributions of a package, {version: bytes}, with wheels beside them of these versions."""
        files = {f"{name.replace('-', '_')}-{version}.tar.gz": data for version, data in sdists.items()}
        module = name.replace("-", "_")
        files |= {f"{module}-{version}-py3-none-any.whl": make_wheel(module, version) for version in wheels}
        listed = []
        for filename, data in files.items():
            self.pages[f"/files/{filename}"] = ("application/octet-stream", data)
            facts = {"url": f"{self.url}files/{filename}", "size": len(data)}
            listed.append({"filename": filename, **facts, "hashes": {"sha256": hashlib.sha256(data).hexdigest()}})
        self.put_files(name, *listed)

    def put_channel(self, name, *packages, subdir="noarch"):
        """Each (name, version, build number)."""
        records = {
            f"{name}-{version}-h_{build}.tar.bz2": {
                **{"name": name, "version": version, "build": f"h_{build}", "build_number": build, "depends": []},
                **{"subdir": subdir, "md5": "0" * 32, "sha256": "0" * 64, "size": 1},
            }
            for name, version, build in packages
        }
        data = {"info": {"subdir": subdir}, "packages": records, "packages.conda": {}, "repodata_version": 1}
        self.pages[f"/{name}/{subdir}/repodata.json"] = ("application/json", json.dumps(data).encode())
        self.pages.setdefault(f"/{name}/noarch/repodata.json", ("application/json", b'{"packages": {}}'))


@contextmanager
def serve():
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(405)  # tools then ask for the whole file

        def do_GET(self):
            registry.asked.append((self.path, dict(self.headers)))
            page = registry.pages.get(self.path)
            if callable(page):
                page(self)
                return
            content_type, body = page or (HTML, b"nothing")
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            is_known = bool(page) and self.headers.get("If-None-Match") == tag
            registry.sent.append((self.path, 304 if is_known else 200 if page else 404))
            self.send_response(registry.sent[-1][1])
            if is_known:
                self.end_headers()
                return
            self.send_header("ETag", tag)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, address):
            """Who asked hung up, as many tests want."""

    with Server(("127.0.0.1", 0), Handler) as server:
        registry = Registry(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield registry
        server.shutdown()
        thread.join()


def redirect(location, status=302):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Location", location)
        handler.end_headers()

    return answer


def fail(status):
    def answer(handler):
        handler.send_error(status)

    return answer
