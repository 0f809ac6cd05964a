"""The gallery: people draw with the LoRAs they may use, and whoever is portrayed decides.

It stands above likeness and imports it; likeness never imports the gallery.

settings.py   what the environment decides        context.py    what a request or a job needs
tables/       the tables, one concept a file      migrations/   how a database comes to have them
accounts/     sign-up, sessions, passwords        people/       persons, versions, rights, presets
generation/   request, queue, worker, events      pictures/     lists, albums, shares, deletion
portrayed/    the page of the person portrayed    takedown/     reports without an account
money/        credits and Stripe                  api/          the routes
"""
