"""What the functions and the server call at AWS, compared with what the template allows them."""
