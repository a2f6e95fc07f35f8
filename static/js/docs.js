// The documentation of the API, rendered by Swagger UI (from flask-openapi3-swagger).
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
