"""The routes: what they take, whom they let in, what they answer."""
