"""GraphQL for the UI."""
from fastapi import APIRouter
def router(services: object) -> APIRouter:
    return APIRouter()
