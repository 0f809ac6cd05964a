"""The operator's desk: pages on this machine for whoever prepares a dataset (docs/desk.md, docs/decisions/0024).

serve.py      the server on 127.0.0.1, and what every answer carries
guard.py      who may ask: Host, Origin, the link's token, the form's token
routes.py     which address is which page or act
pages.py      what the pages show
pictures.py   pictures, looked up by digest
state.py      what is kept between two requests, pictures encoded anew among it
"""
