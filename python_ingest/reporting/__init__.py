"""What people look at: the report's page, and which rows a change of the models changed."""
