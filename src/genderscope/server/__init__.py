"""The service: the pipeline behind HTTP and a WebSocket, for clients that may be slow or hostile.

``app.create_app`` puts it together, ``connections.server`` runs it. Needs the extra [serve].
"""
