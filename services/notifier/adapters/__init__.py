"""Where the notifier meets PostgreSQL, mail servers, webhooks and the console."""
