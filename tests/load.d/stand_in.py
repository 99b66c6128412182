"""Stands in for twenty services: a name server that knows every name, and a page over TCP and over TLS.

stand_in.py DNS_PORT HTTP_PORT HTTPS_PORT CERTIFICATE KEY
"""
import http.server
import socket
import ssl
import sys
import threading

dns_port, http_port, https_port = map(int, sys.argv[1:4])


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def names():
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind(("127.0.0.1", dns_port))
    while True:
        query, peer = door.recvfrom(512)
        end = query.index(0, 12) + 5
        found = query[end - 4 : end - 2] == b"\0\1"
        header = query[:2] + bytes([0x85, 0x80, 0, 1, 0, found, 0, 0, 0, 0])
        record = bytes([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]) if found else b""
        door.sendto(header + query[12:end] + record, peer)


threading.Thread(target=names, daemon=True).start()
plain = Server(("127.0.0.1", http_port), Page)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secret = Server(("127.0.0.1", https_port), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[4], sys.argv[5])
# The handshake is made by the thread of the request, not by the one that accepts.
secret.socket = context.wrap_socket(secret.socket, server_side=True, do_handshake_on_connect=False)
secret.serve_forever()
